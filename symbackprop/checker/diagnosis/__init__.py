"""Why a step is wrong: small changes of what somebody typed, each a kind of mistake undone, tried from the likely to the far-fetched."""
