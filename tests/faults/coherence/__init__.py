"""
Local caches that must not go stale: writers count in keys, readers with local caches look, and a storm blows.

`board` is what all processes see, `writer` and `reader` are the programs, `storm` is what happens to them, and `run`
puts them together.
"""
