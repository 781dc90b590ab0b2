"""Find constructs that regorus accepts, and that OPA refuses or evaluates differently."""
