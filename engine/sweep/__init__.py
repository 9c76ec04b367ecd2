"""The same rules compiled to SQL over tables: a whole city at once."""
