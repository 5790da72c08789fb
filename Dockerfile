# One image for the Airflow services and for the command line. Nothing secret is in it, and no data.
FROM python:3.11-slim AS built

ENV VIRTUAL_ENV=/opt/venv
WORKDIR /build
COPY requirements-uv.lock requirements.lock ./
# Wheels only, hashes checked: the same lock as on a developer's machine. Compiled here, once: whoever
# runs the image cannot write beside the packages, and would compile dbt in each process.
RUN python -m venv "$VIRTUAL_ENV" \
    && "$VIRTUAL_ENV/bin/python" -m pip install --no-cache-dir --only-binary :all: \
        --require-hashes -r requirements-uv.lock \
    && "$VIRTUAL_ENV/bin/uv" pip install --no-cache --only-binary :all: --compile-bytecode \
        --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN "$VIRTUAL_ENV/bin/uv" pip install --no-cache --no-deps --no-build-isolation \
        --compile-bytecode .

FROM python:3.11-slim

# The number is written out so that an orchestrator can see that it is not root.
RUN groupadd --gid 10001 wraparound \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/wraparound \
        --shell /usr/sbin/nologin wraparound

COPY --from=built /opt/venv /opt/venv
WORKDIR /opt/wraparound
COPY config ./config
COPY dags ./dags
COPY dbt_project ./dbt_project
COPY expectations ./expectations
COPY plugins ./plugins

# A new named volume takes the owner and the mode of the folder that it covers.
RUN for folder in . airflow archive dbt inbox lists logs outbox run; do \
        install --directory --mode=0700 --owner=10001 --group=10001 \
            "/var/lib/wraparound/$folder"; \
    done

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WRAPAROUND_ROOT=/opt/wraparound \
    WRAPAROUND_HOME=/var/lib/wraparound \
    AIRFLOW_HOME=/var/lib/wraparound/airflow \
    DO_NOT_TRACK=1 \
    GX_ANALYTICS_ENABLED=false \
    DBT_SEND_ANONYMOUS_USAGE_STATS=false

USER 10001:10001
CMD ["wraparound", "--help"]
