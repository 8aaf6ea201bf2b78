"""`python -m voicecli`."""

from voicecli.cli import main

if __name__ == "__main__":  # a process of `voicecli bench` imports this too
    main()
