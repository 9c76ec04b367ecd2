"""What the law says: YAML only. This file makes the rules travel inside the installed package."""
