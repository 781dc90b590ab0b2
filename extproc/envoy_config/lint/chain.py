"""The HTTP filters of one connection manager, and which of them call the guard."""

from dataclasses import dataclass

from extproc.envoy_config.lint.document_tree import Node
from extproc.envoy_config.lint.guard_clusters import GuardClusters

FILTERS = "envoy.extensions.filters.http."
EXT_PROC = f"{FILTERS}ext_proc.v3.ExternalProcessor"
EXT_AUTHZ = f"{FILTERS}ext_authz.v3.ExtAuthz"
RBAC = f"{FILTERS}rbac.v3.RBAC"
LUA = f"{FILTERS}lua.v3.Lua"
CUSTOM_RESPONSE = f"{FILTERS}custom_response.v3.CustomResponse"
JWT = f"{FILTERS}jwt_authn.v3.JwtAuthentication"
ROUTER = f"{FILTERS}router.v3.Router"
MCP = f"{FILTERS}mcp.v3.Mcp"
COMPRESSION = (f"{FILTERS}decompressor.v3.Decompressor", f"{FILTERS}compressor.v3.Compressor")
TRANSLATORS = (
    f"{FILTERS}grpc_json_transcoder.v3.GrpcJsonTranscoder",
    f"{FILTERS}grpc_web.v3.GrpcWeb",
    f"{FILTERS}grpc_http1_bridge.v3.Config",
    f"{FILTERS}grpc_http1_reverse_bridge.v3.FilterConfig",
    f"{FILTERS}connect_grpc_bridge.v3.FilterConfig",
)
GUARDS = (EXT_PROC, EXT_AUTHZ)
SECOND_LINES = (RBAC, CUSTOM_RESPONSE, JWT, LUA)


@dataclass(frozen=True)
class Chain:
    """The HTTP filters of one connection manager, in order."""

    filters: tuple[Node, ...]
    known: GuardClusters

    @classmethod
    def of_manager(cls, manager: Node, known: GuardClusters) -> "Chain":
        """Return the chain of a connection manager.

        Args:
            manager: the connection manager.
            known: the clusters that are the guard's.
        """
        return cls(tuple(manager.each("http_filters")), known)

    def of(self, *messages: str) -> list[tuple[int, Node]]:
        """Return position and configuration of the filters with one of these messages."""
        configs = ((index, each.get("typed_config")) for index, each in enumerate(self.filters))
        return [(index, config) for index, config in configs if config.message in messages]

    @property
    def guards(self) -> list[tuple[int, Node]]:
        """The filters that call the guard.

        Where nothing says which clusters are the guard's, these are the filters that may call it: ext_proc, else
        the last ext_authz.
        """
        found = [each for each in self.of(*GUARDS) if self.known.are_called_by(each[1])]
        if found or self.known.are_all:
            return found
        return self.of(EXT_PROC) or self.of(EXT_AUTHZ)[-1:]

    def guards_of(self, message: str) -> list[tuple[int, Node]]:
        """Return those of the guard's filters that have this message."""
        return [each for each in self.guards if each[1].message == message]

    @property
    def others(self) -> list[tuple[int, Node]]:
        """The filters that call another service than the guard, which may refuse or change calls."""
        own = {index for index, _ in self.guards}
        return [each for each in self.of(*GUARDS) if each[0] not in own]

    @property
    def protective(self) -> set[str]:
        """Configured names of the filters without which calls or bytes could pass."""
        return {self.filters[index].text("name") for index in self.protective_places}

    @property
    def protective_places(self) -> list[int]:
        """Positions of these filters, in order."""
        return sorted(index for index, _ in (*self.guards, *self.of(*SECOND_LINES)))

    @property
    def longest_hold(self) -> float:
        """Seconds that the guard may hold a call by this configuration; 0 if it does not say."""
        waits = [config.seconds("max_message_timeout") for _, config in self.guards_of(EXT_PROC)]
        waits += [config.seconds("grpc_service", "timeout") for _, config in self.guards_of(EXT_AUTHZ)]
        return max((each for each in waits if each), default=0.0)
