"""ComfyUI's sign that the user has cancelled: whoever raises takes it down."""

interrupted = False


class InterruptProcessingException(Exception):
    pass


def processing_interrupted():
    return interrupted


def throw_exception_if_processing_interrupted():
    global interrupted
    if interrupted:
        interrupted = False
        raise InterruptProcessingException()
