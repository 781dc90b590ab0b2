"""gRPC servicers, processes, health, metrics, drain. Decides nothing."""
