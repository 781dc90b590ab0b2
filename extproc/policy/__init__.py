"""Policy: the input document, the answer, and the engines that turn one into the other."""
