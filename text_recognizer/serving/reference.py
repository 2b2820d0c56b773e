"""The API's documentation as one page of HTML, without scripts and from no other address."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any


def reference_page(openapi: dict[str, Any]) -> str:
    """Render an OpenAPI document.

    Args:
        openapi: The document, with its references to ``#/components/schemas``.
    """
    routes = [
        _route(method, path, operation)
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]
    schemas = [_schema(name, schema) for name, schema in openapi["components"]["schemas"].items()]
    title = f"{openapi['info']['title']} {openapi['info']['version']}"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}: API</title>",
            '<link rel="icon" href="icon.svg" type="image/svg+xml">',
            '<link rel="stylesheet" href="reference.css"></head><body>',
            f"<h1>{escape(title)}</h1><p>{escape(openapi['info']['description'])}</p>",
            '<p><a href="openapi.json">The same for programs.</a> <a href="./">The page to write on.</a></p>',
            *routes,
            "<h2>Objects</h2>",
            *schemas,
            "</body></html>",
        ]
    )


def _route(method: str, path: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody")
    parts = [
        f"<h2><code>{escape(method.upper())} {escape(path)}</code></h2>",
        f"<p>{escape(operation['summary'])}. {escape(operation.get('description', ''))}</p>",
    ]
    if parameters := operation.get("parameters"):
        rows = [(one["name"], _type(one["schema"]), one.get("description", "")) for one in parameters]
        parts += ["<h3>Parameters</h3>", _table(("name", "type", ""), rows)]
    if body:
        rows = [(kind, _type(content["schema"]), "") for kind, content in body["content"].items()]
        parts += ["<h3>Body</h3>", f"<p>{escape(body['description'])}</p>", _table(("content type", "type", ""), rows)]
    answers = [(status, _content(answer), answer["description"]) for status, answer in operation["responses"].items()]
    return "\n".join([*parts, "<h3>Answers</h3>", _table(("status", "type", ""), answers)])


def _content(answer: dict[str, Any]) -> str:
    """The types of an answer in its content types."""
    return " or ".join(_type(content["schema"]) for content in answer.get("content", {}).values())


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (field, _type(value) + ("" if field in required else ", may be missing"), value.get("description", ""))
        for field, value in schema["properties"].items()
    ]
    heading = f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
    return heading + _table(("field", "type", ""), rows)


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"])) + _default(schema)
    if schema.get("type") == "array":
        return f"array of {_type(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "")) + _default(schema)


def _default(schema: dict[str, Any]) -> str:
    return f" (default {json.dumps(schema['default'])})" if "default" in schema else ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = [
        f"<tr><td><code>{escape(first)}</code></td>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    ]
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(cells)}</tbody></table>"
