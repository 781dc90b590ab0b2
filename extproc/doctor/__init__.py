"""What is right, dangerous or broken about an installation: each finding with its way out. Changes nothing."""
