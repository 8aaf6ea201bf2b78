# A language model on an NVIDIA GPU: SGLang on port 30000. Without --api-key: publish the port on loopback only.
# Written from the documentation of its parts; not run on a GPU yet.
FROM lmsysorg/sglang:v0.5.11-cu129

RUN useradd --uid 10001 --create-home sglang && install -d -o sglang -g sglang /models

ENV HOME=/home/sglang HF_HOME=/models
VOLUME /models
USER 10001:10001

EXPOSE 30000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20m \
    CMD ["python3", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:30000/health', timeout=4)"]
ENTRYPOINT ["python3", "-m", "sglang.launch_server", "--host", "0.0.0.0", "--port", "30000"]
# The share of the card's memory leaves room for Whisper and Kokoro on the same card.
CMD ["--model-path", "Qwen/Qwen2.5-7B-Instruct", "--mem-fraction-static", "0.7"]
