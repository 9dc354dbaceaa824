"""How well an index answers: who asks, what is right, scores of every query and of them all."""
