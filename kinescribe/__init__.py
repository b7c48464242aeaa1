"""kinescribe."""
