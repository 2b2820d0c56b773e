"""Lightning says much that its users cannot act on; this keeps it to warnings and errors."""

import logging
import warnings


def quiet_lightning() -> None:
    """Silence Lightning's information messages and its warnings on loaders and loggers, which are set up on purpose."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", category=FutureWarning)
