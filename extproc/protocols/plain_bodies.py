"""What protocols have in common whose bodies are what their content-type says."""

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor

from extproc.codecs.descriptors import Messages
from extproc.model.call import Call, Headers, ResponseHead


class PlainBodies:
    """Bodies, and fields, that need no descriptors; the parts of ``FunctionProtocol`` that this answers."""

    def streams_text(self, head: ResponseHead, *, whole: int) -> bool:
        """No: what is not in the protocol's own form is masked whole."""
        del head, whole
        return False

    def messages(self, call: Call, headers: Headers, *, response: bool) -> Messages | None:
        """None: the content-type tells."""
        del call, headers, response
        return None

    def kinds(self, *, response: bool) -> tuple[Descriptor, ...]:
        """None: whatever a path names may be there."""
        del response
        return ()

    def binary_fields(self, call: Call | None, fields: Headers) -> Mapping[str, Descriptor | None]:
        """None: all fields are text."""
        del call, fields
        return {}

    def ending(self, fields: Headers) -> str:
        """Nothing: the status tells."""
        del fields
        return ""
