"""Visual words: local features counted, summed or coded by the word that each is nearest to."""
