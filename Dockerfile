# sealring with key providers, and nothing else: no shell, no pip, no compiler. docs/image.md says how to build and run it.
# The official image of Python, whose interpreter is built with PGO and LTO; its digest is given to each build.
ARG BASE=docker.io/library/python:3.13-slim-bookworm
ARG BASE_DIGEST

FROM ${BASE}@${BASE_DIGEST} AS build
ARG PLUGINS="local hsm awskms gcpkms azurekv masterkey"
ARG SOFTHSM=yes
WORKDIR /src
COPY requirements.lock requirements-release.lock pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY app app
COPY plugins plugins
COPY config/gunicorn.conf.py config/
COPY deploy/image/layout.py deploy/image/
RUN python deploy/image/layout.py /image --plugins "$PLUGINS" --softhsm "$SOFTHSM" --sbom /sbom.cdx.json

# docker build --target sbom --output . writes the bill of materials
FROM scratch AS sbom
COPY --from=build /sbom.cdx.json /

FROM scratch
ARG BASE
ARG BASE_DIGEST
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="sealring" \
    org.opencontainers.image.description="A self-hosted, multi-tenant secrets server" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.base.name="${BASE}" \
    org.opencontainers.image.base.digest="${BASE_DIGEST}"
COPY --from=build /image /
ENV PATH=/usr/local/bin PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
VOLUME /etc/sealring
EXPOSE 8420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8420/livez', timeout=4)"]
ENTRYPOINT ["sealring"]
CMD ["serve", "--bind", "0.0.0.0:8420"]
