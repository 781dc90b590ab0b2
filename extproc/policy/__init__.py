"""Policy: engines that evaluate Rego, the input they get, and the answer they give."""
