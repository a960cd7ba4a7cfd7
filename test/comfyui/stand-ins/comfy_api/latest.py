"""As much of ComfyUI's second node API as the pack uses."""

from types import SimpleNamespace


class ComfyExtension:
    pass


class _ComfyNode:
    hidden = SimpleNamespace(unique_id=None)


class _Schema:
    """Knows none of the keys that only newer versions have."""

    def __init__(self, node_id, display_name, category, description, inputs, outputs, hidden):
        self.__dict__.update(locals())


class _NodeOutput:
    def __init__(self, *args, ui=None):
        self.args, self.ui = args, ui


class _Input:
    def __init__(self, kind, id, optional=False, extra_dict=None):
        self.kind, self.id, self.optional, self.options = kind, id, optional, extra_dict


class _Output:
    def __init__(self, kind, display_name=None, tooltip=None, is_output_list=False):
        self.kind, self.name, self.tooltip, self.is_list = kind, display_name, tooltip, is_output_list


def _custom(kind):
    return SimpleNamespace(
        Input=lambda id, **options: _Input(kind, id, **options), Output=lambda **options: _Output(kind, **options)
    )


io = SimpleNamespace(
    ComfyNode=_ComfyNode,
    Schema=_Schema,
    NodeOutput=_NodeOutput,
    Custom=_custom,
    Hidden=SimpleNamespace(unique_id="UNIQUE_ID"),
)
