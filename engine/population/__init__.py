"""A synthetic Shanghai to try the sweep on: invented households drawn from published marginals."""
