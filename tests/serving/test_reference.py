import re

from text_recognizer.serving.reference import reference_page


def test_the_page_needs_no_address_but_its_own(client):
    page = client.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    links = re.findall(r'(?:href|src)="([^"]*)"', page.text)
    assert links
    for link in links:
        assert not re.match(r"[a-z]+:|//", link)
        assert client.get(f"/{link}").status_code == 200
    assert "<script" not in page.text
    assert "style=" not in page.text


def test_the_page_says_what_openapi_says(client):
    page, openapi = client.get("/docs").text, client.get("/openapi.json").json()
    assert openapi["openapi"].startswith("3.")
    assert {"/v1/read", "/health", "/metrics"} <= openapi["paths"].keys()
    operation = openapi["paths"]["/v1/read"]["post"]
    names = [parameter["name"] for parameter in operation["parameters"]]
    assert {"prepared", "lines", "decoder"} <= set(names)
    for word in [
        *names,
        *operation["responses"],
        *openapi["components"]["schemas"],
        "multipart/form-data",
        "beam or greedy",
    ]:
        assert word in page


def test_every_refusal_is_described_as_it_comes(client):
    openapi = client.get("/openapi.json").json()
    answers = [
        (status, content["schema"])
        for operations in openapi["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
    ]
    refusals = [schema for status, schema in answers if status.startswith(("4", "5"))]
    assert refusals
    assert all(schema == {"$ref": "#/components/schemas/Problem"} for schema in refusals)


def test_what_the_document_says_is_text_not_html(client):
    openapi = client.get("/openapi.json").json()
    openapi["info"]["description"] = "<script>alert(1)</script>"
    assert "<script" not in reference_page(openapi)
