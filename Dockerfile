# The server, from the light install, as a user without rights. Its steps are those of `make install`; a test holds them
# to it. docs/serving.md says how to build and run it.
FROM python:3.11-slim AS build
WORKDIR /app
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY data/raw data/raw
COPY text_recognizer text_recognizer
RUN python3 -m venv .venv
RUN .venv/bin/python -m pip install --disable-pip-version-check --quiet --progress-bar on -c requirements.lock .

FROM python:3.11-slim
WORKDIR /app
COPY --from=build /app/.venv .venv
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=5)"]
ENTRYPOINT [".venv/bin/text-recognizer", "serve", "--host=0.0.0.0"]
