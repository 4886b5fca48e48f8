from detector.contract.kernel_cache import set_up

set_up()
