"""The contract with policy: the input document, the decision, and the engine port."""
