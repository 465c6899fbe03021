"""`autograder check`: do the graders tell right from wrong?"""
