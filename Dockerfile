FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY config config
COPY controller controller
COPY internal internal
COPY middleware middleware
COPY repository repository
COPY service service
COPY web web
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -tags nomsgpack,grpcnotrace -ldflags "-s -w -X main.version=${VERSION}" -o /latchkey ./cmd/latchkey \
 && install -d -m 0770 -o 65532 -g 0 /image/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /latchkey /latchkey
COPY --from=build /image/ /
ENV LATCHKEY_DATA_DIR=/data LATCHKEY_SERVER_LISTEN=0.0.0.0:8080
EXPOSE 8080
# Any other user works too if its group is 0, as on OpenShift.
USER 65532:0
VOLUME /data
# Without STOPSIGNAL, docker kill with any signal disables the restart policy, even if the
# signal only sets the log level.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/latchkey", "healthcheck"]
ENTRYPOINT ["/latchkey"]
CMD ["serve"]
