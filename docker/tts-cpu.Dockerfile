# Text-to-speech on the processor: `voicecli serve-tts` on port 8880. The build context is the checkout.
FROM python:3.12.13-slim-bookworm

RUN useradd --uid 10001 --create-home voicecli && install -d -o voicecli -g voicecli /models

RUN --mount=type=bind,target=/src --mount=type=cache,target=/root/.cache/pip \
    pip install /src

ENV VOICECLI_MODELS_DIR=/models
VOLUME /models
USER 10001:10001

EXPOSE 8880
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m \
    CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8880/health', timeout=4)"]
ENTRYPOINT ["voicecli"]
CMD ["serve-tts", "--host", "0.0.0.0"]
