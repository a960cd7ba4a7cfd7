"""The parts of the pack: what nodes there are, how a call becomes a graph, and how the server runs it."""
