# The guard, and (target `samples`) the demonstration's issuer and backends.
#
#   docker build -t extproc .
#
# Built in one stage, run from another: no compiler, no pip, no build backend in what runs.
FROM python:3.11-slim AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/extproc
ENV PATH=/opt/extproc/bin:$PATH
COPY locks/core.txt locks/
RUN python -m pip install --require-hashes -r locks/core.txt
COPY pyproject.toml README.md LICENSE ./
COPY extproc extproc
COPY policy/rego policy/rego
RUN python -m pip install --no-deps --no-build-isolation .

FROM build AS strip
RUN python -m pip uninstall --yes hatchling editables trove-classifiers pip setuptools

FROM build AS build-samples
COPY locks/samples.txt locks/
RUN python -m pip install --require-hashes -r locks/samples.txt \
 && python -m pip uninstall --yes hatchling editables trove-classifiers pip setuptools

FROM python:3.11-slim AS run
RUN groupadd --gid 10001 extproc \
 && useradd --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin extproc \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/extproc
ENV PATH=/opt/extproc/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/extproc

FROM run AS samples
COPY --from=build-samples /opt/extproc /opt/extproc

FROM run AS guard
COPY --from=strip /opt/extproc /opt/extproc
ENV EXTPROC_CONFIG=/etc/extproc/extproc.yaml
VOLUME /var/lib/extproc
ENTRYPOINT ["extproc"]
CMD ["serve", "--listen", "0.0.0.0:50051", "--health", "0.0.0.0:10080"]
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:10080/healthz', timeout=2)"]
