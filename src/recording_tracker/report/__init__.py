"""Reports: what people look at, each form in a module of its own; results in, text out."""
