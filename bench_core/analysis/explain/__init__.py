"""Why one mode is slower than another: two profiles and a duel → parts, a sentence, a picture."""
