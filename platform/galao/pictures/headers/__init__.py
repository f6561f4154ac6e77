"""What a picture's file says before anything is decoded: size, orientation, and the bytes a codec has to see."""
