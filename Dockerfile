# The service in an image of its own: the binary, the libraries it is linked
# with, certificate authorities, and nothing else; not even a shell.

# A stand-in needs Rust, a C compiler, glibc and ca-certificates.
ARG BUILDER=rust:1.95-slim-bookworm

FROM ${BUILDER} AS build
# Another profile builds faster, and a slower service.
ARG PROFILE=dist
WORKDIR /build

# The dependencies have a layer of their own, which only a change of
# Cargo.toml or Cargo.lock makes anew. Benchmarks, examples and tests are not
# in the context, and Cargo takes no manifest that names a missing one.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
RUN awk '/^\[/ { absent = /^\[\[(bench|example|test)\]\]/ } !absent' Cargo.toml > /manifest \
 && cp /manifest Cargo.toml \
 && mkdir src \
 && touch src/lib.rs \
 && echo 'fn main() {}' > src/main.rs \
 && cargo build --locked --profile "$PROFILE" \
 && rm -r src

# The new files may be older than what was just built from the empty ones.
COPY . .
RUN cp /manifest Cargo.toml \
 && touch src/lib.rs src/main.rs \
 && cargo build --locked --profile "$PROFILE"

RUN mkdir -p /image/usr/local/bin /image/etc/ssl/certs \
 && install -d -m 700 /home-of/data \
 && cp "target/$PROFILE/vestibule" /image/usr/local/bin/ \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && ldd "target/$PROFILE/vestibule" | grep -o '/[^ ]*' | xargs -I {} cp -L --parents {} /image/

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Vestibule" \
      org.opencontainers.image.description="Self-hosted portal sessions: one-time links that become guarded browser sessions" \
      org.opencontainers.image.source="https://github.com/vestibule-dev/vestibule" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY --from=build /image/ /
# The one place that is written to.
COPY --from=build --chown=65532:65532 /home-of/ /

# Metrics stay on the container's own loopback unless VESTIBULE_OPS_LISTEN
# says otherwise.
ENV PATH=/usr/local/bin \
    DATABASE_URL=sqlite:///data/vestibule.db \
    VESTIBULE_LISTEN=0.0.0.0:8080
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["vestibule", "healthcheck"]
ENTRYPOINT ["vestibule"]
CMD ["serve"]
