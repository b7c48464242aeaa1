"""Programs of a video that a language model proposes: how its objects are found, how they move, and how they are drawn."""
