"""Events come in, an alert goes out, an adviser gets the order."""
