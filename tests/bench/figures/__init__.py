"""What `./dev bench` measures: one module a figure, each with `run(options)` that returns Markdown."""
