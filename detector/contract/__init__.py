import os
import sys

#: How compiled kernels are kept, see `kernel_cache`; numba imports these with the first kernel.
LOCATORS = ",".join(f"detector.contract.kernel_cache.{name}" for name in ("Provided", "InTree", "UserWide"))

# Not by importing numba, which a program that reads alerts needs not and may not have.
if "numba" in sys.modules:
    sys.modules["numba"].config.CACHE_LOCATOR_CLASSES = LOCATORS
else:
    os.environ["NUMBA_CACHE_LOCATOR_CLASSES"] = LOCATORS
    os.unsetenv("NUMBA_CACHE_LOCATOR_CLASSES")  # for this process alone: a child may have numba and not this package
