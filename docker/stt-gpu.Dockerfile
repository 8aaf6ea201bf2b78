# Speech-to-text on an NVIDIA GPU: `voicecli serve-stt` on port 8000. The build context is the checkout.
# Written from the documentation of its parts; not run on a GPU yet.
FROM nvidia/cuda:12.6.3-cudnn-runtime-ubuntu24.04

# Ubuntu's archive keeps only the newest build of a package, so a pinned one is soon gone.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 10001 --create-home voicecli && install -d -o voicecli -g voicecli /models

# kokoro-onnx and faster-whisper bring the CPU build of ONNX Runtime, which hides the GPU build of the same module name.
# From 1.27 on the GPU build wants CUDA 13; CTranslate2 4 wants CUDA 12.
ENV PATH=/opt/voicecli/bin:$PATH
RUN --mount=type=bind,target=/src --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/voicecli \
    && pip install '/src[gpu]' 'onnxruntime-gpu<1.27' \
    && pip uninstall -y onnxruntime onnxruntime-gpu \
    && pip install 'onnxruntime-gpu<1.27'

ENV VOICECLI_PROFILE=gpu VOICECLI_MODELS_DIR=/models
VOLUME /models
USER 10001:10001

EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m \
    CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["voicecli"]
CMD ["serve-stt", "--host", "0.0.0.0"]
