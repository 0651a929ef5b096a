# The image of acmedns-py: Debian's own Python, the locked dependencies, this tree; no compiler, no pip, no root.
#
#   docker build -t acmedns-py .
#   docker run -d --name acmedns -p 53:8053/udp -p 53:8053/tcp -p 127.0.0.1:8080:8080 -v acmedns:/var/lib/acmedns \
#     -e ACMEDNS_ZONE__NAME=auth.example.org -e ACMEDNS_ZONE__ADDRESSES=198.51.100.10 acmedns-py

FROM debian:bookworm-slim AS python
# ca-certificates: a PostgreSQL server may be asked to prove who it is (sslmode=verify-full).
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/*


FROM python AS build
# For the batch module. Every dependency has a ready wheel for amd64 and arm64; for other machines:
#   --build-arg BUILD_PACKAGES="libffi-dev make"
ARG BUILD_PACKAGES=""
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev python3-venv ${BUILD_PACKAGES} \
 && rm -rf /var/lib/apt/lists/*
# Two environments: pip works in the one and fills the other, which therefore needs no pip.
RUN python3 -m venv /opt/build \
 && python3 -m venv --without-pip /opt/acmedns
COPY requirements.txt deploy/docker/build-requirements.txt /src/
RUN /opt/build/bin/pip --python /opt/acmedns/bin/python install --no-cache-dir --require-hashes -r /src/requirements.txt
# What pyproject.toml asks for to build the wheel, locked like the rest.
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes -r /src/build-requirements.txt
COPY . /src/
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --check-build-dependencies \
      --wheel-dir /src/dist /src \
 && /opt/build/bin/pip --python /opt/acmedns/bin/python install --no-cache-dir --no-deps --no-index /src/dist/*.whl \
 && /opt/acmedns/bin/python -I -c "import acmedns_py.worker._batch"


FROM python
LABEL org.opencontainers.image.title="acmedns-py" \
      org.opencontainers.image.description="Authoritative DNS server for ACME dns-01 challenges" \
      org.opencontainers.image.licenses="MIT"
# Fixed, so that the owner of a mounted directory can be set before the first start.
RUN groupadd --gid 10053 acmedns \
 && useradd --uid 10053 --gid 10053 --no-log-init --no-create-home --home-dir /var/lib/acmedns \
      --shell /usr/sbin/nologin acmedns \
 && install --directory --owner=acmedns --group=acmedns --mode=0700 /var/lib/acmedns \
 && install --directory /etc/acmedns
COPY --from=build /opt/acmedns /opt/acmedns
# The ports inside stay the same whatever a mounted configuration file says, as the environment wins over the file:
# which ports the world sees is decided where the container is started. Wildcards rather than "auto": a container
# gets addresses after its start (a network that is attached later, IPv6 router advertisements), and neighbours in
# the same network namespace ask on loopback. Answers leave from the address that was asked.
ENV PATH=/opt/acmedns/bin:$PATH \
    ACMEDNS_DNS__LISTEN="0.0.0.0,::" \
    ACMEDNS_DNS__PORT=8053 \
    ACMEDNS_API__LISTEN="0.0.0.0:8080,[::]:8080"
VOLUME /var/lib/acmedns
EXPOSE 8053/udp 8053/tcp 8080/tcp
# By number: Kubernetes can't tell otherwise that this is not root.
USER 10053:10053
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["acmedns", "health"]
ENTRYPOINT ["acmedns"]
CMD ["serve"]
