"""`voicecli devices`: microphones and speakers."""

from __future__ import annotations


def devices() -> None:
    """List microphones and speakers, their sample rates and which ones are the defaults.

    Pass an index or part of a name to [bold]voicecli talk --input-device[/] or [bold]--output-device[/].

    Examples:

      voicecli devices

      voicecli talk --input-device headset --output-device 4
    """
    from rich.console import Console
    from rich.table import Table

    from voicecli.audio.devices import list_devices

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("#", "name", "system", "in", "out", "rate", "default"):
        table.add_column(column, justify="right" if column in ("#", "in", "out", "rate") else "left")
    for device in list_devices():
        default = [
            word for word, on in (("input", device.is_default_input), ("output", device.is_default_output)) if on
        ]
        table.add_row(
            str(device.index),
            device.name,
            device.host,
            str(device.inputs or "-"),
            str(device.outputs or "-"),
            f"{device.rate_hz:.0f} Hz",
            " + ".join(default),
        )
    if table.row_count:
        Console().print(table)
    else:
        Console(stderr=True).print("No sound devices were found. In voicecli talk you can type your questions.")
