# The site as an unprivileged container: docker build -t hallway-and-door . && docker run -p 8000:8000 hallway-and-door
FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    /venv/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.txt \
    && /venv/bin/pip uninstall --quiet --yes pip

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 DATA_DIR=/data
WORKDIR /app
COPY --from=build /venv /venv
COPY . .
RUN install -d -m 700 -o 10001 -g 10001 /data
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["bin/healthcheck"]
CMD ["bin/start"]
