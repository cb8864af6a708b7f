"""`bench explain`: why one mode of a model is slower than another."""
