# syntax=docker/dockerfile:1
# sealring with its first-party key providers. Build: docker build -t sealring .
# Run: docker run --read-only --tmpfs /tmp -v sealring:/etc/sealring -p 8420:8420 sealring

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/sealring
COPY requirements.lock .
RUN /opt/sealring/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY app app
COPY plugins plugins
RUN /opt/sealring/bin/pip install --no-cache-dir --no-deps ./plugins/api ./plugins/local ./plugins/hsm ./plugins/awskms ./plugins/gcpkms ./plugins/azurekv ./plugins/masterkey .

FROM python:3.13-slim-bookworm
# SoftHSM2, for keys in a token without hardware; a vendor's module is mounted beside it
RUN apt-get update \
    && apt-get install -y --no-install-recommends softhsm2 \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65532 -g 65532 -m 0700 /etc/sealring
COPY --from=build /opt/sealring /opt/sealring
COPY config/gunicorn.conf.py /usr/share/sealring/gunicorn.conf.py
ENV PATH=/opt/sealring/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
VOLUME /etc/sealring
EXPOSE 8420
STOPSIGNAL SIGTERM
ENTRYPOINT ["sealring"]
CMD ["serve", "--bind", "0.0.0.0:8420"]
