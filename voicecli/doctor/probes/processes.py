"""Run a program or a probe in a process of its own, with a time limit."""

from __future__ import annotations

import importlib
import multiprocessing
from multiprocessing.connection import Connection

from voicecli.errors import DeviceError, VoiceCliError


def run_in_subprocess(module: str, function: str, *arguments: object, within_s: float) -> object:
    """Return the result of a function that is called in another process: native code may hang or crash.

    The module is passed by name, because importing it may hang, too. Raise what the function raises, or DeviceError
    if it takes longer than `within_s` or its process dies.
    """
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_answer, args=(theirs, module, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(within_s):
            hint = "restart the sound server: pulseaudio -k, or systemctl --user restart pipewire pipewire-pulse"
            raise DeviceError(f"the sound system hangs: no answer within {within_s:.0f} s", hint)
        answer = ours.recv()
    except EOFError:
        process.join()
        reason = f"the sound system crashes (exit code {process.exitcode})"
        raise DeviceError(reason, "try another device; update PortAudio and the sound server") from None
    finally:
        ours.close()
        process.kill()
        process.join()
    if isinstance(answer, Exception):
        raise answer
    return answer


def _answer(to: Connection, module: str, function: str, arguments: tuple[object, ...]) -> None:
    """Send the result or the error, in a form that the parent can unpickle without importing a module that may hang."""
    try:
        answer = getattr(importlib.import_module(module), function)(*arguments)
    except (VoiceCliError, OSError, ImportError) as error:
        answer = error
    except Exception as error:
        answer = RuntimeError(f"{type(error).__name__}: {error}")
    to.send(answer)
