"""Smart Turn: has the speaker finished?"""
