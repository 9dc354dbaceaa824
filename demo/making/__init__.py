"""Collections of one's own photographs: made, added to, removed from, while others are searched.

The stages of ``pipeline`` describe and index them as they are, as commands of their own: serving
goes on beside them, what one takes of memory is given back when it ends, and stopping one is
ending its process. Stages go on where they were interrupted, and so do the jobs here.
"""
