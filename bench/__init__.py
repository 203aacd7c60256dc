"""The suite: which architectures let a gradient survive, at what accuracy, at what cost?"""
