"""The API's OpenAPI document (OpenAPI 3.1), made from its routes."""

from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from extproc.console.problem_documents import Problem

URL = "/api/openapi.json"
GENERATED = frozenset({"HTTPValidationError", "ValidationError"})
"""Schemas that FastAPI adds: the API answers with problem documents instead."""
SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of a provider of approvers. Over the unix socket, reading needs none.",
    }
}


def openapi_document(api: FastAPI) -> dict[str, Any]:
    """Return the document of the routes that the API has.

    Args:
        api: the whole application; routes that are not in its schema, such as pages, are left out.
    """
    document: dict[str, Any] = FastAPI.openapi(api)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in GENERATED:
        schemas.pop(name, None)
    schemas["Problem"] = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["securitySchemes"] = SECURITY
    for path, methods in document["paths"].items():
        for operation in methods.values():
            operation["security"] = [{"bearer": []}] if path.startswith("/api/") and path != URL else []
    return document
