"""``extproc up``: Envoy, the workers and the control process under one supervisor."""
