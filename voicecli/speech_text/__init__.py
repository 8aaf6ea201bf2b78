"""Written text -> spoken text: Markdown, sentences, numbers and dates. Pure."""
