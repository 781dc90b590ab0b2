"""What is right, dangerous or broken about an installation: each finding with a hint. Changes nothing."""
