"""The contract with policy: the sources, the input document, the decision, and the engine port."""
