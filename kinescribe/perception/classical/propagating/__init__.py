"""Parts of the flow propagator: windows, layered motion, learned look, minimal cut, search, edges."""
