# A language model on the processor: Ollama on port 11434. It knows no keys: publish the port on loopback only.
FROM ollama/ollama:0.31.2

RUN useradd --uid 10001 --create-home ollama && install -d -o ollama -g ollama /models

# Ollama keeps its own identity in HOME, which the base image leaves at root's.
ENV HOME=/home/ollama OLLAMA_MODELS=/models OLLAMA_HOST=0.0.0.0:11434
VOLUME /models
USER 10001:10001

EXPOSE 11434
HEALTHCHECK --interval=10s --timeout=5s --start-period=1m \
    CMD ["ollama", "list"]
ENTRYPOINT ["ollama"]
CMD ["serve"]
